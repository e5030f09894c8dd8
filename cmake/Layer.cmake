# SPDX-License-Identifier: Apache-2.0
# mantissa_layer(NAME floors below it... and libraries): the static library of all .cpp files in this folder and below.
function(mantissa_layer name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  if(NOT sources)
    add_library(mantissa_${name} INTERFACE)
    target_link_libraries(mantissa_${name} INTERFACE ${ARGN})
    return()
  endif()
  add_library(mantissa_${name} STATIC ${sources})
  target_include_directories(mantissa_${name} PUBLIC ${CMAKE_SOURCE_DIR}/sim)
  target_link_libraries(mantissa_${name} PUBLIC ${ARGN})
endfunction()
