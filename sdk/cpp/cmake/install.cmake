# What an installed client consists of: headers, library, a CMake package and a pkg-config file. Relocatable.
install(TARGETS bellwether-client EXPORT bellwether-client-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY include/bellwether DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/bellwether-client)
install(EXPORT bellwether-client-targets NAMESPACE bellwether:: DESTINATION ${package_dir})
configure_package_config_file(cmake/config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/bellwether-client-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/bellwether-client-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/bellwether-client-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/bellwether-client-config-version.cmake
  DESTINATION ${package_dir})

# A static library does not bring along what it needs: then the file names it for everyone, with or without --static.
set(pc_libs "-lbellwether-client")
if(NOT BUILD_SHARED_LIBS)
  string(APPEND pc_libs " -lsimdjson -lssl -lcrypto -lz -pthread")
endif()
file(RELATIVE_PATH pc_to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/bellwether-client.pc.in ${CMAKE_CURRENT_BINARY_DIR}/bellwether-client.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/bellwether-client.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
