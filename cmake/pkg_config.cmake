# httpool.pc, and httpool-NAME.pc for each other library httpool::NAME, so that pkg-config finds them.
# They find their prefix by where they are, so that an installation can be moved.

file(RELATIVE_PATH to_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" to_prefix "${to_prefix}")
set(pkg_config_files "")
foreach(library IN LISTS libraries)
  get_target_property(type ${library} TYPE)
  get_target_property(links ${library} INTERFACE_LINK_LIBRARIES)
  get_target_property(export_name ${library} EXPORT_NAME)
  set(required "")
  set(linked "")
  if(NOT type STREQUAL "INTERFACE_LIBRARY")
    set(linked "-L\${libdir}" "-l${library}")
  endif()
  foreach(link IN LISTS links)
    string(REGEX REPLACE "^\\$<LINK_ONLY:(.*)>$" "\\1" link "${link}")
    if(link STREQUAL "httpool")
      list(APPEND required httpool)
    elseif(link MATCHES "^httpool_([a-z]+)$")
      list(APPEND required httpool-${CMAKE_MATCH_1})
    elseif(link STREQUAL "OpenSSL::SSL")
      list(APPEND required "openssl >= 3.0")
    elseif(link STREQUAL "spdlog::spdlog")
      list(APPEND required spdlog)
    elseif(link MATCHES "^Boost::([a-z]+)$" AND NOT link STREQUAL "Boost::headers")
      list(APPEND linked -lboost_${CMAKE_MATCH_1})
    endif()
  endforeach()
  list(JOIN required ", " required)
  list(JOIN linked " " linked)
  set(name httpool)
  if(NOT library STREQUAL "httpool")
    set(name httpool-${export_name})
  endif()
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/pkgconfig/${name}.pc @ONLY CONTENT
"prefix=\${pcfiledir}/@to_prefix@
includedir=\${prefix}/@CMAKE_INSTALL_INCLUDEDIR@
libdir=\${prefix}/@CMAKE_INSTALL_LIBDIR@

Name: @name@
Description: @PROJECT_DESCRIPTION@
Version: @PROJECT_VERSION@
Requires: @required@
Cflags: -I\${includedir} -pthread
Libs: @linked@ -pthread
")
  list(APPEND pkg_config_files ${PROJECT_BINARY_DIR}/pkgconfig/${name}.pc)
endforeach()
install(FILES ${pkg_config_files}
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
