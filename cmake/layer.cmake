# dbatop_layer(TARGET FILES…): a static library of one layer's sources. A layer that has no file yet is an
# empty library, so that the tree configures and links while its first file is being written.
function(dbatop_layer target)
  set(sources ${ARGN})
  if(NOT sources)
    set(sources ${CMAKE_CURRENT_BINARY_DIR}/${target}_empty.c)
    file(CONFIGURE OUTPUT ${sources} CONTENT "extern const int @target@_has_no_sources_yet;\n" @ONLY)
    set_source_files_properties(${sources} PROPERTIES SKIP_LINTING ON)
  endif()
  add_library(${target} STATIC ${sources})
endfunction()
