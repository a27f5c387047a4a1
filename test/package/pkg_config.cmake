# Compiles programs as one does without a build system, with what pkg-config says of the files in
# FILES, and runs them. LIBRARIES is where shared libraries are, BINARY where the programs go.

set(ENV{PKG_CONFIG_PATH} ${FILES})
set(ENV{LD_LIBRARY_PATH} ${LIBRARIES})
file(MAKE_DIRECTORY ${BINARY})

# compile_and_run(PACKAGE SOURCE arguments...)
function(compile_and_run package source)
  execute_process(COMMAND ${PKG_CONFIG} --cflags --libs ${package}
    OUTPUT_VARIABLE words OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(words UNIX_COMMAND "${words}")
  set(program ${BINARY}/${package})
  execute_process(
    COMMAND ${COMPILER} -std=c++20 ${CMAKE_CURRENT_LIST_DIR}/${source} ${words} -o ${program}
    COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${program} ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

execute_process(COMMAND ${PKG_CONFIG} --modversion httpool
  OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
compile_and_run(httpool main.cpp)
compile_and_run(httpool-server pkg_config/server.cpp ${version})
