# The target `check_headers` compiles every public header alone, twice in one file, with nothing but
# what a user of the libraries has on the include path.

file(GLOB_RECURSE headers CONFIGURE_DEPENDS
  RELATIVE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/include/*.hpp)
if(NOT TARGET httpool::spdlog)
  list(FILTER headers EXCLUDE REGEX "/spdlog")
endif()

set(sources "")
foreach(header IN LISTS headers)
  string(REGEX REPLACE "\\.hpp$" ".cpp" source ${PROJECT_BINARY_DIR}/check_headers/${header})
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT
    "#include <@header@>\n#include <@header@> // NOLINT(readability-duplicate-include)\n")
  list(APPEND sources ${source})
endforeach()

add_library(check_headers OBJECT EXCLUDE_FROM_ALL ${sources})
get_property(libraries GLOBAL PROPERTY HTTPOOL_LIBRARIES)
target_link_libraries(check_headers PRIVATE ${libraries} httpool_build_settings)
