# SPDX-License-Identifier: Apache-2.0
# The program as a user meets it: from outside, and with the commands that the documents quote.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
if(TARGET mantissa)
  add_test(NAME e2e.program COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/check_program.py $<TARGET_FILE:mantissa>)
  add_test(NAME e2e.documents COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/run_documents.py $<TARGET_FILE:mantissa>)
  add_test(NAME e2e.plots COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/check_plots.py $<TARGET_FILE:mantissa>)
  add_test(NAME e2e.validate COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/check_validate.py $<TARGET_FILE:mantissa>)
  set_tests_properties(e2e.program e2e.documents e2e.plots e2e.validate PROPERTIES LABELS e2e TIMEOUT 1800)
  add_test(NAME e2e.kill_sweep COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/kill_sweep.py $<TARGET_FILE:mantissa>)
  set_tests_properties(e2e.kill_sweep PROPERTIES LABELS e2e TIMEOUT 600)
  add_test(NAME e2e.slurm_sweep COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/slurm_sweep.py $<TARGET_FILE:mantissa>)
  set_tests_properties(e2e.slurm_sweep PROPERTIES LABELS e2e TIMEOUT 600 SKIP_RETURN_CODE 77)  # without Slurm
endif()
