# Compiles programs as one does without a build system, with what pkg-config says of the files in
# FILES, and runs them. LIBRARIES is where shared libraries are, BINARY where the programs go.

set(ENV{PKG_CONFIG_PATH} ${FILES})
set(ENV{LD_LIBRARY_PATH} ${LIBRARIES})
file(MAKE_DIRECTORY ${BINARY})

# compile_and_run(PROGRAM SOURCE PACKAGES arguments...)
function(compile_and_run program source packages)
  execute_process(COMMAND ${PKG_CONFIG} --cflags --libs ${packages}
    OUTPUT_VARIABLE words OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(words UNIX_COMMAND "${words}")
  set(program ${BINARY}/${program})
  execute_process(
    COMMAND ${COMPILER} -std=c++20 ${CMAKE_CURRENT_LIST_DIR}/${source} ${words} -o ${program}
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
