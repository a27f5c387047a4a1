# What every target of this project is compiled with, and nothing that leaks to its users.

add_library(httpool_build_settings INTERFACE)
target_compile_options(httpool_build_settings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
target_compile_definitions(httpool_build_settings INTERFACE BOOST_ASIO_NO_DEPRECATED)
target_compile_features(httpool_build_settings INTERFACE cxx_std_20)

if(HTTPOOL_WERROR)
  target_compile_options(httpool_build_settings INTERFACE -Werror)
endif()

if(HTTPOOL_PRECOMPILE_HEADERS AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # ccache tells them apart by what they say, not by when they were made.
  target_compile_options(httpool_build_settings INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
endif()

if(HTTPOOL_SANITIZE)
  target_compile_options(httpool_build_settings INTERFACE
    -fsanitize=${HTTPOOL_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(httpool_build_settings INTERFACE -fsanitize=${HTTPOOL_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Instrumented code misleads GCC's own analysis, which then complains of what Asio allocates.
    target_compile_options(httpool_build_settings INTERFACE
      -Wno-maybe-uninitialized -Wno-mismatched-new-delete)
  elseif(HTTPOOL_SANITIZE MATCHES "address")
    # What GCC defines by itself.
    target_compile_definitions(httpool_build_settings INTERFACE __SANITIZE_ADDRESS__)
  elseif(HTTPOOL_SANITIZE MATCHES "thread")
    target_compile_definitions(httpool_build_settings INTERFACE __SANITIZE_THREAD__)
  endif()
  if(HTTPOOL_SANITIZE MATCHES "thread")
    # Asio counts references with atomic_thread_fence, which the thread sanitizer does not model and
    # takes for races: it is to use Boost's counters instead.
    target_compile_definitions(httpool_build_settings INTERFACE BOOST_ASIO_DISABLE_STD_ATOMIC)
  endif()
endif()

# The number of the binary interface, in the names of shared libraries. It rises whenever a program
# would have to be compiled anew: see doc/install.md.
set(HTTPOOL_ABI 1)

# httpool_library(NAME sources... [PART_OF library] [NEEDS package...]): a library of this project,
# called httpool::NAME here and by its users, without the prefix httpool_ if NAME has it. It is
# installed with the others. NEEDS names packages (or PACKAGE@VERSION) beyond Boost and Threads that
# its users must find too: the library is then a component of its own, so that those who don't use it
# needn't have them.
#
# Among shared libraries one with PART_OF is no file of its own, since it shares with others what they
# hide: its code is in the library named, which must be there already, and its name stands for that.
function(httpool_library name)
  cmake_parse_arguments(arg "" "PART_OF" "NEEDS" ${ARGN})
  set(sources ${arg_UNPARSED_ARGUMENTS})
  string(REGEX REPLACE "^httpool_" "" export_name "${name}")
  set_property(GLOBAL APPEND PROPERTY HTTPOOL_LIBRARIES ${name})
  if(arg_PART_OF AND BUILD_SHARED_LIBS)
    add_library(${name} INTERFACE)
    target_sources(${arg_PART_OF} PRIVATE ${sources})
    target_link_libraries(${name} INTERFACE ${arg_PART_OF})
  else()
    add_library(${name} ${sources})
    target_compile_features(${name} PUBLIC cxx_std_20)
    target_include_directories(${name}
      PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
      PRIVATE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(${name} PUBLIC Boost::headers Threads::Threads
      PRIVATE $<BUILD_INTERFACE:httpool_build_settings>)
    set_target_properties(${name} PROPERTIES VERSION ${HTTPOOL_ABI} SOVERSION ${HTTPOOL_ABI})
    if(BUILD_SHARED_LIBS)
      set_target_properties(${name} PROPERTIES
        CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
    endif()
  endif()
  add_library(httpool::${export_name} ALIAS ${name})
  set_target_properties(${name} PROPERTIES
    EXPORT_NAME ${export_name}
    HTTPOOL_NEEDS "${arg_NEEDS}")
endfunction()
