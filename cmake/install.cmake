# What `cmake --install` puts where, and the package that find_package(httpool CONFIG) finds.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
