# What `cmake --install` puts where, and the package that find_package(httpool CONFIG) finds. Its
# components are runtime, the shared libraries; development, what building programs takes; and tools,
# the programs that there are already.
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
  COMPONENT development
  FILES_MATCHING PATTERN "*.hpp" ${not_built})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT development)

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
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
      COMPONENT runtime NAMELINK_COMPONENT development
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endforeach()

list(REMOVE_DUPLICATES exports)
foreach(export IN LISTS exports)
  install(EXPORT ${export} NAMESPACE httpool:: DESTINATION ${package_dir} COMPONENT development)
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
  DESTINATION ${package_dir} COMPONENT development)
include(cmake/pkg_config.cmake)

if(HTTPOOL_BUILD_EXAMPLES)
  set(programs service_a service_b connection_pool_demo)
  install(TARGETS ${programs} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tools)
  foreach(program IN LISTS programs)
    install(FILES ${PROJECT_SOURCE_DIR}/packaging/man/${program}.1
      DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT tools)
    install(FILES ${PROJECT_SOURCE_DIR}/packaging/bash-completion/httpool
      DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
      RENAME ${program} COMPONENT tools)
  endforeach()
endif()
