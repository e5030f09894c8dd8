# SPDX-License-Identifier: Apache-2.0
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME meta.floors COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/floors_test.py)
set_tests_properties(meta.floors PROPERTIES LABELS meta)
