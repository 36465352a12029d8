# Debian 12 on 32-bit ARM (v7, hard float). docs/cross.md says what 32 bits limit.
set(WHARF_CROSS_ARCH armhf)
set(WHARF_CROSS_TRIPLET arm-linux-gnueabihf)
set(WHARF_CROSS_QEMU qemu-arm)
set(CMAKE_SYSTEM_PROCESSOR armv7l)
# Our own code counts files and time in 64 bits; Debian 12's libraries do not yet, so no time_t and
# no off_t may be passed to one of them: docs/cross.md.
# GCC's notes about what its version 7 passed otherwise say nothing about GCC 12 alone.
set(WHARF_CROSS_FLAGS -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -Wno-psabi)
include(${CMAKE_CURRENT_LIST_DIR}/toolchain.cmake)
