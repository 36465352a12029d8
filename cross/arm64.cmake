# Debian 12 on 64-bit ARM.
set(WHARF_CROSS_ARCH arm64)
set(WHARF_CROSS_TRIPLET aarch64-linux-gnu)
set(WHARF_CROSS_QEMU qemu-aarch64)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
# Return addresses are signed where the processor can, and ignored where it cannot.
set(WHARF_CROSS_FLAGS -mbranch-protection=standard)
include(${CMAKE_CURRENT_LIST_DIR}/toolchain.cmake)
