# How release builds are compiled, for every architecture: hardened, and the same bits from the same
# sources wherever they lie. docs/cross.md says what it costs; cross/check_build.py holds the programs
# against it. Other build types (debug, sanitizers, fuzzers) are as their presets say.

# wharf_split_symbols(PROGRAM): its debug symbols and its link map go to symbols/; stripped, the
# program keeps the name of the file.
function(wharf_split_symbols name)
  if(NOT WHARF_SPLIT_SYMBOLS)
    return()
  endif()
  set(symbols ${PROJECT_BINARY_DIR}/symbols)
  set(debug $<TARGET_FILE_NAME:${name}>.debug)
  file(MAKE_DIRECTORY ${symbols})
  target_link_options(${name} PRIVATE -Wl,-Map=${symbols}/$<TARGET_FILE_NAME:${name}>.map)
  add_custom_command(TARGET ${name} POST_BUILD
    COMMAND ${CMAKE_OBJCOPY} --only-keep-debug $<TARGET_FILE:${name}> ${debug}
    COMMAND ${CMAKE_STRIP} --strip-all --remove-section=.comment $<TARGET_FILE:${name}>
    COMMAND ${CMAKE_OBJCOPY} --add-gnu-debuglink=${debug} $<TARGET_FILE:${name}>
    WORKING_DIRECTORY ${symbols} VERBATIM)
endfunction()

if(NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  return()
endif()

# --- hardening: what goes wrong ends the process before it is used ------------------------------------
include(CheckPIESupported)
check_pie_supported()
add_compile_options(-fstack-protector-strong -fstack-clash-protection)
add_compile_definitions(_FORTIFY_SOURCE=2 _GLIBCXX_ASSERTIONS)
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)

# --- the same bits ---------------------------------------------------------------------------------
# A source has the same name wherever it lies, in debug information and in __FILE__. The last map
# that fits wins. With CCACHE_BASEDIR set ccache makes absolute paths relative to the build folder,
# which is two levels down: these are mapped to the same names, so a cached object has the same bits.
set(wharf_maps
  ${PROJECT_SOURCE_DIR}=. ${PROJECT_SOURCE_DIR}/= ../../=
  ${PROJECT_BINARY_DIR}=. ${PROJECT_BINARY_DIR}/=)
if(CMAKE_SYSROOT)
  file(RELATIVE_PATH wharf_sysroot ${PROJECT_BINARY_DIR} ${CMAKE_SYSROOT})
  list(APPEND wharf_maps ${CMAKE_SYSROOT}= ${wharf_sysroot}=)
endif()
list(TRANSFORM wharf_maps PREPEND -ffile-prefix-map=)
add_compile_options(${wharf_maps} -Werror=date-time)
foreach(language C CXX)
  set(CMAKE_${language}_ARCHIVE_CREATE "<CMAKE_AR> qcD <TARGET> <LINK_FLAGS> <OBJECTS>")
  set(CMAKE_${language}_ARCHIVE_APPEND "<CMAKE_AR> qD <TARGET> <LINK_FLAGS> <OBJECTS>")
  set(CMAKE_${language}_ARCHIVE_FINISH "<CMAKE_RANLIB> -D <TARGET>")
endforeach()

# Programs are optimised over all sources at their link (wharf_program): objects hold the compiler's
# intermediate form. Tests are linked without that; what they link holds code as well (wharf_tested in
# wharf_targets.cmake).
if(WHARF_LTO)
  add_compile_options(-flto -fno-fat-lto-objects)
  # The link compiles, so it maps names too. GCC 12 writes the folder it was started in, as it is, into
  # the intermediate form: such objects of another folder are not taken from the compiler cache.
  add_link_options(${wharf_maps})
  if(WHARF_CCACHE)
    foreach(language C CXX)
      set(CMAKE_${language}_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_NAMESPACE=${PROJECT_BINARY_DIR} ${WHARF_CCACHE})
    endforeach()
  endif()
endif()
