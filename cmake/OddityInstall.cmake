# SPDX-License-Identifier: Apache-2.0
# What `make install` lays out: both libraries, the tool, the header, oddity.pc and a CMake package.
include(CMakePackageConfigHelpers)
install(TARGETS oddity_shared EXPORT oddityTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS oddity_static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS oddity RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES include/oddity/oddity.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/oddity)

# oddity.pc requires no other .pc (oneDNN has none): it names the libraries for static linking.
set(private ${jansson_LIBRARIES} ${yaml_LIBRARIES} ${xxhash_LIBRARIES} ${vips_LIBRARIES} z)
if(ODDITY_DNNL)
  list(APPEND private dnnl)
endif()
if(NOT ODDITY_PTHREADS)
  list(APPEND private gomp)
endif()
list(APPEND private pthread m)
list(REMOVE_DUPLICATES private)
list(TRANSFORM private PREPEND "-l")
list(JOIN private " " ODDITY_PC_PRIVATE)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/oddity)
file(RELATIVE_PATH ODDITY_PC_PREFIX /x/${CMAKE_INSTALL_LIBDIR}/pkgconfig /x)
configure_file(cmake/oddity.pc.in oddity.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/oddity.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

configure_package_config_file(cmake/oddityConfig.cmake.in oddityConfig.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(oddityConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/oddityConfig.cmake ${CMAKE_BINARY_DIR}/oddityConfigVersion.cmake
  DESTINATION ${package})
install(EXPORT oddityTargets NAMESPACE oddity:: DESTINATION ${package})
