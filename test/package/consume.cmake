# Configures the project in SOURCE, builds it in BINARY and runs its program, `consumer`. GENERATOR,
# COMPILER, LAUNCHER and CONFIG are those of the build that this belongs to; OPTIONS are for CMake.
#
# It does what `ctest --build-and-test` does, but for the locale, which that command sets, and for
# which a compiler cache then takes every file for a new one.

execute_process(
  COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${BINARY} -G ${GENERATOR}
    -D CMAKE_CXX_COMPILER=${COMPILER}
    -D "CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}"
    -D CMAKE_BUILD_TYPE=${CONFIG}
    ${OPTIONS}
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(
  COMMAND ${CMAKE_COMMAND} --build ${BINARY} --config ${CONFIG}
  COMMAND_ERROR_IS_FATAL ANY)
find_program(consumer consumer PATHS ${BINARY} ${BINARY}/${CONFIG} NO_DEFAULT_PATH REQUIRED)
execute_process(COMMAND ${consumer} COMMAND_ERROR_IS_FATAL ANY)
