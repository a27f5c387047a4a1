"""A recipe for Conan 2, of the source tree that it is in. Untested: nobody has built with it yet.

    conan create packaging/conan
"""

import os
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load


class Httpool(ConanFile):
    name = "httpool"
    description = "An HTTP connection pool for Boost.Asio, with a client and a server"
    license = "BSL-1.0"
    topics = ("http", "connection-pool", "asio")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {
        "shared": [True, False],
        "fPIC": [True, False],
        "with_tls": [True, False],
        "with_spdlog": [True, False],
        "with_inspect": [True, False],
    }
    default_options = {
        "shared": False,
        "fPIC": True,
        "with_tls": True,
        "with_spdlog": False,
        "with_inspect": False,
    }
    implements = ["auto_shared_fpic"]

    @property
    def _root(self):
        return os.path.join(self.recipe_folder, "..", "..")

    def set_version(self):
        text = load(self, os.path.join(self._root, "include", "httpool", "version.hpp"))
        self.version = re.search(r'HTTPOOL_VERSION_STRING "([^"]+)"', text).group(1)

    def export_sources(self):
        for pattern in (
            "CMakeLists.txt", "LICENSE", "cmake/*", "include/*", "src/*", "packaging/*",
        ):
            copy(self, pattern, self._root, self.export_sources_folder)

    def requirements(self):
        self.requires("boost/[>=1.81]", transitive_headers=True, transitive_libs=True)
        if self.options.with_tls:
            self.requires("openssl/[>=3 <4]")
        if self.options.with_spdlog:
            self.requires("spdlog/[>=1.10 <2]", transitive_headers=True)

    def validate(self):
        if self.settings.os != "Linux":
            raise ConanInvalidConfiguration("httpool is for Linux")
        check_min_cppstd(self, 20)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["HTTPOOL_BUILD_TESTS"] = False
        toolchain.cache_variables["HTTPOOL_BUILD_EXAMPLES"] = False
        toolchain.cache_variables["HTTPOOL_WITH_TLS"] = bool(self.options.with_tls)
        toolchain.cache_variables["HTTPOOL_WITH_SPDLOG"] = bool(self.options.with_spdlog)
        toolchain.cache_variables["HTTPOOL_WITH_INSPECT"] = bool(self.options.with_inspect)
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()

    def package_info(self):
        # The package that CMake installs describes itself.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = [os.path.join("lib", "cmake", "httpool")]
