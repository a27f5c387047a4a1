# cmake -DINTO=header -DNAMESPACE=name -P embed.cmake -- file...
#
# Writes a header with the text of each file as a string_view, called like the file with _ for dots.

set(text "// Made from the files of that name.\n#pragma once\n\n#include <string_view>\n\n")
string(APPEND text "namespace ${NAMESPACE} {\n")
set(are_files FALSE)
foreach(i RANGE ${CMAKE_ARGC})
  set(file "${CMAKE_ARGV${i}}")
  if(file STREQUAL "--")
    set(are_files TRUE)
  elseif(are_files AND file)
    file(READ "${file}" content)
    get_filename_component(name "${file}" NAME)
    string(REPLACE "." "_" name "${name}")
    string(APPEND text "\ninline constexpr std::string_view ${name} = R\"embedded(${content})embedded\";\n")
  endif()
endforeach()
string(APPEND text "\n} // namespace ${NAMESPACE}\n")
file(WRITE "${INTO}" "${text}")
