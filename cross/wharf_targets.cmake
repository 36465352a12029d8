# One CMake target per module. The target graph is the dependency rule of docs/ARCHITECTURE.md:
# tests/check_house.py holds the includes against it.

add_library(wharf_options INTERFACE)
target_include_directories(wharf_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(wharf_options INTERFACE WHARF_VERSION="${PROJECT_VERSION}")
target_compile_options(wharf_options INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wimplicit-fallthrough)

# wharf_module(NAME SOURCES a.cpp ... LINKS b ...): a static library of the product.
function(wharf_module name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC ${arg_LINKS} PRIVATE wharf_options)
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
endfunction()

# wharf_program(NAME SOURCES a.cpp ... LINKS b ...)
function(wharf_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LINKS} wharf_options)
  if(WHARF_LTO)
    target_link_options(${name} PRIVATE -flto=auto)
  endif()
  wharf_split_symbols(${name})
endfunction()

# wharf_tested(MODULE ...): a test that is not optimised at its link links these, and what they link.
function(wharf_tested)
  foreach(module ${ARGN})
    if(NOT TARGET ${module})
      continue()
    endif()
    get_target_property(seen ${module} WHARF_TESTED)
    get_target_property(imported ${module} IMPORTED)
    get_target_property(type ${module} TYPE)
    if(seen OR imported)
      continue()
    endif()
    set_target_properties(${module} PROPERTIES WHARF_TESTED ON)
    if(NOT type STREQUAL "INTERFACE_LIBRARY")
      target_compile_options(${module} PRIVATE -ffat-lto-objects)
    endif()
    get_target_property(further ${module} INTERFACE_LINK_LIBRARIES)
    if(further)
      string(REGEX REPLACE "\\$<LINK_ONLY:([^>]*)>" "\\1" further "${further}")
      wharf_tested(${further})
    endif()
  endforeach()
endfunction()

# Whose unit tests a cross build runs under emulation: where the size of a word, the order of bytes,
# the sign of a char and the kind of time_t could matter.
set(WHARF_CROSS_UNITS base codec config identity journal mqtt platform ring sync CACHE STRING
  "Folders of tests/unit that a cross build has")

# wharf_test(NAME SOURCES a.cpp ... LINKS b ... [LABEL l]): a Catch2 program, its cases known to ctest.
function(wharf_test name)
  cmake_parse_arguments(arg "" "LABEL" "SOURCES;LINKS" ${ARGN})
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LINKS} wharf_test_main wharf_options)
  # The optimiser gains a test nothing and costs half of its build.
  target_compile_options(${name} PRIVATE -O0 -U_FORTIFY_SOURCE)
  get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  if(NOT CMAKE_CROSSCOMPILING)
    catch_discover_tests(${name} TEST_PREFIX "${name}: " PROPERTIES LABELS ${arg_LABEL} TIMEOUT 120)
  elseif(arg_LABEL STREQUAL "unit" AND folder IN_LIST WHARF_CROSS_UNITS)
    if(WHARF_LTO)
      wharf_tested(${arg_LINKS})
    endif()
    # One process for all cases: starting the emulator is dear.
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS "unit;cross" TIMEOUT 600)
    add_dependencies(cross_tests ${name})
    # A model of a test may index by a 64-bit number; the product may not.
    set_source_files_properties(${arg_SOURCES} PROPERTIES COMPILE_OPTIONS -Wno-conversion)
  endif()
endfunction()

# wharf_fuzzer(NAME SOURCES a.cpp LINKS b ...): a libFuzzer program where WHARF_FUZZERS is on. Its
# seeds are in tests/fuzz/corpus/<NAME>/.
function(wharf_fuzzer name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
  if(NOT WHARF_FUZZERS)
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LINKS} wharf_options)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endfunction()
