# <httpool/version.hpp> is a file of its own, so that it can be read where nothing was configured: it
# must say what the project says.
set(version_header ${PROJECT_SOURCE_DIR}/include/httpool/version.hpp)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${version_header})
file(READ ${version_header} text)
set(parts "")
foreach(part IN ITEMS MAJOR MINOR PATCH)
  if(NOT text MATCHES "#define HTTPOOL_VERSION_${part} ([0-9]+)")
    message(FATAL_ERROR "${version_header} does not define HTTPOOL_VERSION_${part}")
  endif()
  list(APPEND parts ${CMAKE_MATCH_1})
endforeach()
list(JOIN parts "." numbers)
if(NOT text MATCHES "#define HTTPOOL_VERSION_STRING \"([^\"]*)\"" OR
    NOT CMAKE_MATCH_1 STREQUAL PROJECT_VERSION OR NOT numbers STREQUAL PROJECT_VERSION)
  message(FATAL_ERROR "${version_header} does not say ${PROJECT_VERSION} throughout, as the project does")
endif()
