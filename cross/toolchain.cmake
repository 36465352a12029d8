# What arm64.cmake and armhf.cmake share: Debian's cross compiler over the sysroot that cross/sysroot
# makes. Headers, libraries and start files come from the sysroot alone: Debian's cross compiler also
# knows its own cross packages of the C library and looks there first. cross/check_build.py asserts it.
get_filename_component(wharf_root ${CMAKE_CURRENT_LIST_DIR} DIRECTORY)
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSROOT ${wharf_root}/build/sysroot/${WHARF_CROSS_ARCH})
if(NOT EXISTS ${CMAKE_SYSROOT}/.key)
  message(FATAL_ERROR "${CMAKE_SYSROOT} is missing: cross/sysroot ${WHARF_CROSS_ARCH} makes it")
endif()

set(CMAKE_C_COMPILER ${WHARF_CROSS_TRIPLET}-gcc-12)
set(CMAKE_CXX_COMPILER ${WHARF_CROSS_TRIPLET}-g++-12)
# Those that know the compiler's intermediate form.
set(CMAKE_AR /usr/bin/${WHARF_CROSS_TRIPLET}-gcc-ar-12)
set(CMAKE_RANLIB /usr/bin/${WHARF_CROSS_TRIPLET}-gcc-ranlib-12)
set(CMAKE_STRIP /usr/bin/${WHARF_CROSS_TRIPLET}-strip)
set(CMAKE_OBJCOPY /usr/bin/${WHARF_CROSS_TRIPLET}-objcopy)
set(CMAKE_LIBRARY_ARCHITECTURE ${WHARF_CROSS_TRIPLET})

set(wharf_headers)
foreach(folder include/c++/12 include/${WHARF_CROSS_TRIPLET}/c++/12 include/c++/12/backward
    lib/gcc/${WHARF_CROSS_TRIPLET}/12/include include/${WHARF_CROSS_TRIPLET} include)
  list(APPEND wharf_headers -isystem ${CMAKE_SYSROOT}/usr/${folder})
endforeach()
list(JOIN wharf_headers " " wharf_cxx_headers)
list(SUBLIST wharf_headers 6 -1 wharf_headers)
list(JOIN wharf_headers " " wharf_c_headers)
list(JOIN WHARF_CROSS_FLAGS " " wharf_flags)
set(CMAKE_C_FLAGS_INIT "${wharf_flags} -nostdinc ${wharf_c_headers}")
set(CMAKE_CXX_FLAGS_INIT "${wharf_flags} -nostdinc -nostdinc++ ${wharf_cxx_headers}")

# In front of the compiler's own folders, for start files and libraries alike.
set(wharf_libraries)
foreach(folder usr/lib/gcc/${WHARF_CROSS_TRIPLET}/12 lib/${WHARF_CROSS_TRIPLET}
    usr/lib/${WHARF_CROSS_TRIPLET})
  string(APPEND wharf_libraries " -B${CMAKE_SYSROOT}/${folder}")
endforeach()
set(CMAKE_EXE_LINKER_FLAGS_INIT ${wharf_libraries})
set(CMAKE_SHARED_LINKER_FLAGS_INIT ${wharf_libraries})

# protoc, Python and the like are this machine's; everything else is the target's.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_CROSSCOMPILING_EMULATOR ${WHARF_CROSS_QEMU};-L;${CMAKE_SYSROOT})
