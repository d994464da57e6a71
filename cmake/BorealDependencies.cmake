# Everything comes from Debian 12 packages (docs/dependencies.md says why each).
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(RocksDB REQUIRED)
find_package(pugixml REQUIRED)
find_package(PostgreSQL REQUIRED)
if(NOT BOREAL_SANITIZE)
  find_package(mimalloc 2 REQUIRED)
endif()
find_package(PkgConfig REQUIRED)
pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET libisal)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
if(BOREAL_TESTS)
  find_package(GTest REQUIRED)
endif()

# Warnings, hardening, sanitizers and a fast linker: linked by every target of ours, never by users of a header.
add_library(boreal_flags INTERFACE)
target_compile_options(boreal_flags INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wimplicit-fallthrough -Wextra-semi
  -Wno-missing-field-initializers -Wno-missing-designated-field-initializers
  -fstack-protector-strong -fno-omit-frame-pointer)
target_link_options(boreal_flags INTERFACE -Wl,-z,relro,-z,now)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_definitions(boreal_flags INTERFACE _FORTIFY_SOURCE=2)
else()
  target_compile_options(boreal_flags INTERFACE -g1)
  target_compile_definitions(boreal_flags INTERFACE _GLIBCXX_ASSERTIONS)
endif()
if(BOREAL_SANITIZE)
  add_compile_options(-fsanitize=${BOREAL_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${BOREAL_SANITIZE})
  if(BOREAL_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
  endif()
endif()

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
find_program(CCACHE ccache)
if(CCACHE)
  # Paths are hashed relative to the checkout, so that a fresh clone finds what another one compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()
