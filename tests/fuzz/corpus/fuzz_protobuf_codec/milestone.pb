
carrier-dhlm-1ò-
SH-9001PKG-110*	delivered2DHL:Hamburg