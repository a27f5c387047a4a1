# What `cpack -G DEB` makes of an installation in /usr with shared libraries: libhttpool1, whose number
# is that of the binary interface, libhttpool-dev, and httpool-tools.

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME httpool)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "HTTP connection pool for Boost.Asio, with a client and a server")
set(CPACK_PACKAGE_CONTACT "The maintainers of httpool <maintainers@example.org>")
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime development tools)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
# Adds what Debian wants in each package besides what is installed.
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/packaging/debian/stage.cmake)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/src)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
# What a program was built with, or later: another interface has another number, and so another name.
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_COMPONENT_DEVELOPMENT_DEPENDS runtime)
set(CPACK_COMPONENT_TOOLS_DEPENDS runtime)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME libhttpool${HTTPOOL_ABI})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/packaging/debian/triggers)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "The shared libraries: a pool of connections for Boost.Asio, a client for
HTTP/1.1 over it, and a pipelining HTTP server; TLS by OpenSSL, proxies, and a
page that shows pools live.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libhttpool-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "The headers of a pool of connections for Boost.Asio, of a client for HTTP/1.1
over it, and of a pipelining HTTP server, and the files by which CMake and
pkg-config find them.")
# Debian has this version of Boost beside its default, or, where that is new enough, as its default.
string(REGEX MATCH "^[0-9]+\\.[0-9]+" series ${Boost_VERSION_STRING})
set(needed "")
foreach(part IN ITEMS "" -url -json)
  list(APPEND needed "libboost${part}${series}-dev | libboost${part}-dev (>= ${series})")
endforeach()
if(TARGET httpool::tls)
  list(APPEND needed "libssl-dev (>= 3.0)")
endif()
if(TARGET httpool::spdlog)
  list(APPEND needed libspdlog-dev)
endif()
list(JOIN needed ", " CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS)

set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME httpool-tools)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION net)
set(CPACK_COMPONENT_TOOLS_DESCRIPTION "The programs: service_a sends requests over a pool of connections, and
service_b, a server to call, measure and restart, answers them.
connection_pool_demo shows what a pool does with connections.")

include(CPack)
