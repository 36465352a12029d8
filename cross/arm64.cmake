# Debian 12 on 64-bit ARM (v8.0 with the CRC32 instructions: Cortex-A53 and up).
set(WHARF_CROSS_ARCH arm64)
set(WHARF_CROSS_TRIPLET aarch64-linux-gnu)
set(WHARF_CROSS_QEMU qemu-aarch64)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
# Return addresses are signed where the processor can, and ignored where it cannot.
set(WHARF_CROSS_FLAGS -march=armv8-a+crc -mbranch-protection=standard)
include(${CMAKE_CURRENT_LIST_DIR}/toolchain.cmake)
