# Compiles programs as one does without a build system, with what pkg-config says of the files in
# FILES, and runs them. LIBRARIES is where shared libraries are, BINARY where the programs go, and
# LAUNCHER stands before the compiler.

set(ENV{PKG_CONFIG_PATH} ${FILES})
set(ENV{LD_LIBRARY_PATH} ${LIBRARIES})
file(MAKE_DIRECTORY ${BINARY})

# ask_for(WORDS OPTION packages...): what pkg-config says, as a list.
function(ask_for words option)
  execute_process(COMMAND ${PKG_CONFIG} ${option} ${ARGN}
    OUTPUT_VARIABLE text OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(list UNIX_COMMAND "${text}")
  set(${words} ${list} PARENT_SCOPE)
endfunction()

# compile_and_run(PROGRAM SOURCE PACKAGES arguments...)
function(compile_and_run program source packages)
  set(program ${BINARY}/${program})
  ask_for(flags --cflags ${packages})
  execute_process(
    COMMAND ${LAUNCHER} ${COMPILER} -std=c++20 ${flags}
      -c ${CMAKE_CURRENT_LIST_DIR}/${source} -o ${program}.o
    COMMAND_ERROR_IS_FATAL ANY)
  ask_for(libraries --libs ${packages})
  execute_process(COMMAND ${COMPILER} ${program}.o ${libraries} -o ${program}
    COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${program} ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

execute_process(COMMAND ${PKG_CONFIG} --modversion httpool
  OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
compile_and_run(main main.cpp httpool)
compile_and_run(server pkg_config/server.cpp httpool-server ${version})
if(EXISTS ${FILES}/httpool-inspect.pc AND EXISTS ${FILES}/httpool-spdlog.pc AND EXISTS ${FILES}/httpool-tls.pc)
  compile_and_run(everything everything.cpp "httpool-inspect;httpool-spdlog;httpool-tls" ${version})
endif()
