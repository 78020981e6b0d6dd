# dbatop_embed(TARGET NAME FILES…): compile files into TARGET as bytes, with a table that lists them:
#   extern const struct embedded_file NAME[]; extern const size_t NAME_count;
# (core/base/embedded.h). SQL probes, the default config and the themes reach the binary this way.
function(dbatop_embed target name)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${name}.c)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DNAME=${name} "-DFILES=${ARGN}"
            -P ${PROJECT_SOURCE_DIR}/cmake/embed_files.cmake
    DEPENDS ${ARGN} ${PROJECT_SOURCE_DIR}/cmake/embed_files.cmake
    VERBATIM)
  set_source_files_properties(${out} PROPERTIES SKIP_LINTING ON)
  target_sources(${target} PRIVATE ${out})
endfunction()
