# SPDX-License-Identifier: Apache-2.0
# Writes the version of the program: the project's, and a hash of everything under sim/. Results that are kept (study/store.h) are
# only used again by the same sources. Run at build time:
#   cmake -DSOURCE=sim folder -DVERSION=0.1.0 -DOUTPUT=version_text.h -P version.cmake
file(GLOB_RECURSE files RELATIVE ${SOURCE} ${SOURCE}/*.cpp ${SOURCE}/*.h ${SOURCE}/*.proto)
list(SORT files)
set(all "")
foreach(file IN LISTS files)
  file(SHA256 ${SOURCE}/${file} hash)
  string(APPEND all "${file} ${hash}\n")
endforeach()
string(SHA256 hash "${all}")
string(SUBSTRING ${hash} 0 12 hash)
set(text "#define MANTISSA_VERSION \"${VERSION}+${hash}\"\n")
set(old "")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} old)
endif()
if(NOT old STREQUAL text)
  file(WRITE ${OUTPUT} "${text}")
endif()
