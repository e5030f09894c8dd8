# SPDX-License-Identifier: Apache-2.0
# Debian ships SystemC with a pkg-config file and no CMake package, and builds it as C++17. The library exports a symbol named
# after the C++ standard it was built with; C++20 code links only when SC_CPLUSPLUS says that standard in every file.
find_path(SystemC_INCLUDE_DIR systemc)
find_library(SystemC_LIBRARY systemc)
if(SystemC_LIBRARY AND NOT SystemC_CPLUSPLUS)
  execute_process(COMMAND ${CMAKE_NM} -D --defined-only ${SystemC_LIBRARY} OUTPUT_VARIABLE symbols ERROR_QUIET)
  if(symbols MATCHES "cxx([0-9]+)L")
    set(SystemC_CPLUSPLUS ${CMAKE_MATCH_1} CACHE INTERNAL "C++ standard that SystemC was built with")
  endif()
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(SystemC REQUIRED_VARS SystemC_LIBRARY SystemC_INCLUDE_DIR SystemC_CPLUSPLUS)
if(SystemC_FOUND AND NOT TARGET SystemC::systemc)
  add_library(SystemC::systemc UNKNOWN IMPORTED)
  set_target_properties(SystemC::systemc PROPERTIES
    IMPORTED_LOCATION ${SystemC_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${SystemC_INCLUDE_DIR}
    INTERFACE_COMPILE_DEFINITIONS "SC_CPLUSPLUS=${SystemC_CPLUSPLUS}L;SC_INCLUDE_DYNAMIC_PROCESSES")
  set_property(TARGET SystemC::systemc APPEND PROPERTY INTERFACE_LINK_LIBRARIES Threads::Threads)
endif()
