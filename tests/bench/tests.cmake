# SPDX-License-Identifier: Apache-2.0
# Benchmarks: built with the tests, run by hand, never by ctest (their numbers depend on the machine).
# mantissa_bench(NAME libraries...): the program bench_NAME of bench/NAME_bench.cpp.
function(mantissa_bench name)
  add_executable(bench_${name} ${CMAKE_CURRENT_SOURCE_DIR}/bench/${name}_bench.cpp)
  target_include_directories(bench_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(bench_${name} PRIVATE ${ARGN})
endfunction()

mantissa_bench(numerics_gemm mantissa_numerics fmt::fmt Threads::Threads)
# For comparison, where Debian's libopenblas-dev and libdnnl-dev are there.
find_package(OpenBLAS QUIET CONFIG)
if(OpenBLAS_FOUND)
  target_compile_definitions(bench_numerics_gemm PRIVATE MANTISSA_BENCH_OPENBLAS)
  target_include_directories(bench_numerics_gemm SYSTEM PRIVATE ${OpenBLAS_INCLUDE_DIRS})
  target_link_libraries(bench_numerics_gemm PRIVATE ${OpenBLAS_LIBRARIES})
endif()
find_path(MANTISSA_DNNL_INCLUDE oneapi/dnnl/dnnl.h)  # its own config file asks for OpenCL
find_library(MANTISSA_DNNL_LIBRARY dnnl)
mark_as_advanced(MANTISSA_DNNL_INCLUDE MANTISSA_DNNL_LIBRARY)
if(MANTISSA_DNNL_INCLUDE AND MANTISSA_DNNL_LIBRARY)
  target_compile_definitions(bench_numerics_gemm PRIVATE MANTISSA_BENCH_ONEDNN)
  target_include_directories(bench_numerics_gemm SYSTEM PRIVATE ${MANTISSA_DNNL_INCLUDE})
  target_link_libraries(bench_numerics_gemm PRIVATE ${MANTISSA_DNNL_LIBRARY})
endif()
mantissa_bench(execute_product mantissa_execute fmt::fmt)
mantissa_bench(dram mantissa_hardware fmt::fmt)
mantissa_bench(timing mantissa_study fmt::fmt)
target_compile_definitions(bench_timing PRIVATE MANTISSA_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
mantissa_bench(sweep mantissa_study fmt::fmt)
target_compile_definitions(bench_sweep PRIVATE MANTISSA_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
target_link_options(bench_sweep PRIVATE -Wl,-z,now)  # as the program
