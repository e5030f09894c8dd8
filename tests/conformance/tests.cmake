# SPDX-License-Identifier: Apache-2.0
# Operators against ONNX's own test data (Debian's libonnx-testdata), and the unit tests of the operator table.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cpp)
add_executable(conformance_onnx ${sources})
target_include_directories(conformance_onnx PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_include_directories(conformance_onnx SYSTEM PRIVATE ${ONNX_INCLUDE_DIR})
target_compile_definitions(conformance_onnx PRIVATE MANTISSA_SOURCE_DIR="${CMAKE_SOURCE_DIR}" ONNX_ML=1 ONNX_NAMESPACE=onnx)
target_link_libraries(conformance_onnx PRIVATE mantissa_network ${ONNX_PROTO_LIBRARY} protobuf::libprotobuf GTest::gtest GTest::gmock
                      GTest::gtest_main)
gtest_discover_tests(conformance_onnx PROPERTIES LABELS conformance TIMEOUT 600)

mantissa_test(ops unit mantissa_network)
