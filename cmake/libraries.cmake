# Outside libraries, each an imported target of one name whichever way it was found.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
pkg_check_modules(LIBPQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(NCURSESW REQUIRED IMPORTED_TARGET ncursesw)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8>=10.34)

# The MySQL client: libmariadb or Oracle's libmysqlclient. Their asynchronous APIs differ, so each has
# an io file of its own in backends/mysql; DBATOP_MYSQL_IO names the one to compile.
add_library(dbatop_mysql_client INTERFACE)
if(DBATOP_MYSQLCLIENT_ROOT)
  set(DBATOP_MYSQL_IO mysqlclient)
  find_path(MYSQLCLIENT_INCLUDE mysql.h PATHS ${DBATOP_MYSQLCLIENT_ROOT}/usr/include/mysql NO_DEFAULT_PATH REQUIRED)
  find_library(MYSQLCLIENT_LIBRARY mysqlclient
               PATHS ${DBATOP_MYSQLCLIENT_ROOT}/usr/lib/x86_64-linux-gnu ${DBATOP_MYSQLCLIENT_ROOT}/usr/lib
               NO_DEFAULT_PATH REQUIRED)
  # Its headers say both "mysql.h" and "mysql/…"; the folder above also holds that system's C library.
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/mysqlclient)
  file(CREATE_LINK ${MYSQLCLIENT_INCLUDE} ${PROJECT_BINARY_DIR}/mysqlclient/mysql SYMBOLIC)
  target_include_directories(dbatop_mysql_client SYSTEM INTERFACE
                             ${MYSQLCLIENT_INCLUDE} ${PROJECT_BINARY_DIR}/mysqlclient)
  target_link_libraries(dbatop_mysql_client INTERFACE ${MYSQLCLIENT_LIBRARY})
  # A library of a newer system needs that system's C library: its own loader and libraries are used at
  # run time. Libraries that the folder does not hold still come from this machine.
  file(GLOB MYSQLCLIENT_LOADER ${DBATOP_MYSQLCLIENT_ROOT}/usr/lib64/ld-linux-*.so.2
       ${DBATOP_MYSQLCLIENT_ROOT}/usr/lib/ld-linux-*.so.1)
  if(MYSQLCLIENT_LOADER)
    get_filename_component(MYSQLCLIENT_LIBS ${MYSQLCLIENT_LIBRARY} DIRECTORY)
    target_link_options(dbatop_mysql_client INTERFACE
      -Wl,--allow-shlib-undefined -Wl,--disable-new-dtags -Wl,-rpath,${MYSQLCLIENT_LIBS}
      -Wl,--dynamic-linker=${MYSQLCLIENT_LOADER})
  endif()
else()
  if(NOT DBATOP_MYSQL_CLIENT STREQUAL "mysqlclient")
    pkg_check_modules(MARIADB IMPORTED_TARGET libmariadb)
  endif()
  if(MARIADB_FOUND)
    set(DBATOP_MYSQL_IO mariadb)
    target_link_libraries(dbatop_mysql_client INTERFACE PkgConfig::MARIADB)
  else()
    pkg_check_modules(MYSQLCLIENT REQUIRED IMPORTED_TARGET mysqlclient)
    set(DBATOP_MYSQL_IO mysqlclient)
    target_link_libraries(dbatop_mysql_client INTERFACE PkgConfig::MYSQLCLIENT)
  endif()
endif()
message(STATUS "MySQL client library: ${DBATOP_MYSQL_IO}")
