a-2R
a-1booked twice¢*
A-014711
EAdamage"ADJ-9*1