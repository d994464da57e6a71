# boreal_module(NAME [FOLDERS folder ...] [DEPS module ...] [PRIVATE_DEPS target ...] [PUBLIC_DEPS target ...]
#   [TEST_DEPS target ...] [PRECOMPILED header])
#
# Makes the static library of the module in the current folder:
#   *.cc            its sources            *_test.cc   its unit tests, one program NAME_test
#   *_fuzz.cc       a fuzz target each (BOREAL_FUZZ)
#
# A module is included as "NAME/header.h". Every module has an include root of its own that holds
# nothing but a link to the module's folder, and a target sees only the roots of the modules it
# lists: an include of a module that is not declared does not compile.
#
# FOLDERS are further folders of the module that hold sources, tests and fuzz targets.
# DEPS are modules, seen by users of this module too. PUBLIC_DEPS/PRIVATE_DEPS are outside libraries.
# PRECOMPILED is a header of its own that several of its sources include and that takes long.
function(boreal_module NAME)
  cmake_parse_arguments(M "" "PRECOMPILED" "DEPS;PRIVATE_DEPS;PUBLIC_DEPS;TEST_DEPS;FOLDERS" ${ARGN})
  set(root ${CMAKE_BINARY_DIR}/include-roots/${NAME})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${root}/${NAME} SYMBOLIC)

  set(patterns ${CMAKE_CURRENT_SOURCE_DIR}/*.cc ${CMAKE_CURRENT_SOURCE_DIR}/detail/*.cc)
  foreach(folder ${M_FOLDERS})
    list(APPEND patterns ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cc)
  endforeach()
  file(GLOB sources CONFIGURE_DEPENDS ${patterns})
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  set(fuzzers ${sources})
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")
  list(FILTER sources EXCLUDE REGEX "(_(test|fuzz)|/main)\\.cc$")  # a program's own part is no part of a module

  if(sources)
    add_library(${NAME} STATIC ${sources})
    set(scope PUBLIC)
    target_link_libraries(${NAME} PRIVATE boreal_flags ${M_PRIVATE_DEPS})
  else()
    add_library(${NAME} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${NAME} ${scope} ${root})
  target_link_libraries(${NAME} ${scope} ${M_DEPS} ${M_PUBLIC_DEPS})
  # A service's header brings its whole API with it: parsing it once instead of for each source halves the build.
  set(api)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/service.h)
    set(api service.h)
  endif()
  if(sources)
    boreal_precompile(${NAME} boreal_precompiled ${api} ${M_PRECOMPILED})
  endif()

  if(BOREAL_TESTS AND tests)
    add_executable(${NAME}_test ${tests})
    target_link_libraries(${NAME}_test PRIVATE boreal_flags ${NAME} ${M_PRIVATE_DEPS} ${M_TEST_DEPS} GTest::gtest GTest::gmock GTest::gtest_main)
    boreal_precompile(${NAME}_test boreal_precompiled_test ${api})
    add_test(NAME ${NAME} COMMAND ${NAME}_test --gtest_brief=1)
    set_tests_properties(${NAME} PROPERTIES TIMEOUT 1200)
  endif()
  if(BOREAL_FUZZ)
    foreach(source ${fuzzers})
      get_filename_component(name ${source} NAME_WE)
      add_executable(${name} ${source})
      target_link_libraries(${name} PRIVATE boreal_flags ${NAME} ${M_PRIVATE_DEPS} ${M_TEST_DEPS})
      target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
      target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    endforeach()
  endif()
endfunction()

# What most sources include anyway; no headers of modules, so that a target still sees those only that it has declared.
# A source must include what it uses: BOREAL_PCH=OFF shows whether it does.
set(common_headers <algorithm> <array> <atomic> <charconv> <chrono> <functional> <map> <memory> <mutex> <optional> <random> <set> <span>
  <string> <string_view> <unordered_map> <vector>)
set(test_headers <gmock/gmock.h> <gtest/gtest.h>)

# boreal_precompile(NAME SHARED [header ...]): NAME takes what the target SHARED has precompiled; with headers, these are
# precompiled for NAME alone.
function(boreal_precompile NAME SHARED)
  if(NOT BOREAL_PCH)
    return()
  endif()
  if(ARGN)
    set(more)
    if(NAME MATCHES "_test$")
      set(more ${test_headers})
    endif()
    target_precompile_headers(${NAME} PRIVATE ${common_headers} ${more} ${ARGN})
  else()
    target_precompile_headers(${NAME} REUSE_FROM ${SHARED})
  endif()
  target_compile_options(${NAME} PRIVATE -Xclang -fno-pch-timestamp)  # so that ccache finds it again
endfunction()

# Precompiled once for all libraries, and once for all test programs, whose code is made for another place in memory.
if(BOREAL_PCH)
  file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/precompiled.cc CONTENT "int main() {}\n")
  add_library(boreal_precompiled OBJECT ${CMAKE_BINARY_DIR}/precompiled.cc)
  target_link_libraries(boreal_precompiled PRIVATE boreal_flags fmt::fmt)
  boreal_precompile(boreal_precompiled "" <fmt/format.h>)
  if(BOREAL_TESTS)
    add_executable(boreal_precompiled_test ${CMAKE_BINARY_DIR}/precompiled.cc)
    target_link_libraries(boreal_precompiled_test PRIVATE boreal_flags fmt::fmt GTest::gtest GTest::gmock)
    boreal_precompile(boreal_precompiled_test "" <fmt/format.h>)
  endif()
endif()
