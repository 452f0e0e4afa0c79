# SPDX-License-Identifier: Apache-2.0
# What `make install` lays out.
install(TARGETS oddity_shared oddity_static oddity
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES include/oddity/oddity.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/oddity)
