b-1ú6
RET-14711@
EARMA-5001"1(2
wrong size