# What `cmake --install` puts where, and the package that find_package(httpool CONFIG) finds.
#
# Nothing here names a library: httpool_library() has registered each with the export it belongs to.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/httpool)

set(not_built "")
if(NOT TARGET httpool::spdlog)
  list(APPEND not_built PATTERN "spdlog*" EXCLUDE)
endif()
if(NOT TARGET httpool::tls)
  list(APPEND not_built PATTERN "tls_*" EXCLUDE)
endif()
if(NOT TARGET httpool::inspect)
  list(APPEND not_built PATTERN "inspector*" EXCLUDE)
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/httpool
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.hpp" ${not_built})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

get_property(libraries GLOBAL PROPERTY HTTPOOL_LIBRARIES)
set(HTTPOOL_OPTIONAL_COMPONENTS "")
set(HTTPOOL_DEPENDENCIES "")
set(exports "")
foreach(library IN LISTS libraries)
  get_target_property(component ${library} EXPORT_NAME)
  get_target_property(needs ${library} HTTPOOL_NEEDS)
  if(needs)
    set(export httpool-${component}-targets)
    list(APPEND HTTPOOL_OPTIONAL_COMPONENTS ${component})
    string(JOIN " " needed ${needs})
    string(APPEND HTTPOOL_DEPENDENCIES "set(_httpool_${component}_needs ${needed})\n")
  else()
    set(export httpool-targets)
  endif()
  list(APPEND exports ${export})
  install(TARGETS ${library} EXPORT ${export}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endforeach()

list(REMOVE_DUPLICATES exports)
foreach(export IN LISTS exports)
  install(EXPORT ${export} NAMESPACE httpool:: DESTINATION ${package_dir})
endforeach()

configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/httpool-config.cmake.in
  ${PROJECT_BINARY_DIR}/httpool-config.cmake
  INSTALL_DESTINATION ${package_dir}
  NO_SET_AND_CHECK_MACRO)
# Before 1.0 a new minor version may change the interface.
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/httpool-config-version.cmake COMPATIBILITY SameMinorVersion)
install(
  FILES
    ${PROJECT_BINARY_DIR}/httpool-config.cmake
    ${PROJECT_BINARY_DIR}/httpool-config-version.cmake
  DESTINATION ${package_dir})
