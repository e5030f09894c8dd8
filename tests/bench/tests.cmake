# SPDX-License-Identifier: Apache-2.0
# Benchmarks: built with the tests, run by hand, never by ctest (their numbers depend on the machine).
# mantissa_bench(NAME libraries...): the program bench_NAME of bench/NAME_bench.cpp.
function(mantissa_bench name)
  add_executable(bench_${name} ${CMAKE_CURRENT_SOURCE_DIR}/bench/${name}_bench.cpp)
  target_include_directories(bench_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(bench_${name} PRIVATE ${ARGN})
endfunction()

mantissa_bench(numerics_gemm mantissa_numerics fmt::fmt)
mantissa_bench(dram mantissa_hardware fmt::fmt)
mantissa_bench(timing mantissa_study fmt::fmt)
target_compile_definitions(bench_timing PRIVATE MANTISSA_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
