# SPDX-License-Identifier: Apache-2.0
# Every mistake a user can make, with the exact words it is told in: cases/*.case (run_case.py says how they are written).
find_package(Python3 REQUIRED COMPONENTS Interpreter)
if(TARGET mantissa)
  file(GLOB bad_cases CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/cases/*.case)
  foreach(case ${bad_cases})
    get_filename_component(case_name ${case} NAME_WE)
    add_test(NAME bad.${case_name}
             COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/run_case.py --binary $<TARGET_FILE:mantissa> ${case})
    set_tests_properties(bad.${case_name} PROPERTIES LABELS bad TIMEOUT 120)
  endforeach()
endif()
