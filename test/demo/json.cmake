# With --json the demo prints one JSON document.
execute_process(COMMAND ${DEMO} --json OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE result)
if(NOT result EQUAL 0 OR NOT err STREQUAL "")
  message(FATAL_ERROR "exit ${result}: ${err}\n${out}")
endif()
string(JSON sections LENGTH "${out}" sections)
string(JSON broken GET "${out}" broken_claims)
string(JSON turns LENGTH "${out}" sections 1 figures turns)
string(JSON meaning GET "${out}" sections 7 meaning)
if(NOT sections EQUAL 9 OR NOT broken EQUAL 0 OR NOT turns EQUAL 20 OR
    NOT meaning MATCHES "takes [0-9.]+ times as long")
  message(FATAL_ERROR "not what the demo is to show:\n${out}")
endif()
