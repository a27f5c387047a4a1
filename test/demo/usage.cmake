# A wrong argument gets one line and the usage on stderr, and exit code 2.
execute_process(COMMAND ${DEMO} --jsn OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE result)
if(NOT result EQUAL 2 OR NOT out STREQUAL "" OR
    NOT err MATCHES "^connection_pool_demo: [^\n]*--jsn\nusage: ")
  message(FATAL_ERROR "exit ${result}: ${err}\n${out}")
endif()
execute_process(COMMAND ${DEMO} --help OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE result)
if(NOT result EQUAL 0 OR NOT err STREQUAL "" OR NOT out MATCHES "^usage: ")
  message(FATAL_ERROR "--help: exit ${result}: ${err}\n${out}")
endif()
