# CPack runs this when all is installed, each component in a folder of its own, and nothing is packed.
# Debian wants in each package its licence and changelogs, and manual pages compressed.

get_filename_component(source "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)

function(compress file into)
  execute_process(COMMAND gzip --best --no-name --stdout ${file}
    OUTPUT_FILE ${into} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  set(folder ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/${component}/usr)
  string(TOUPPER "CPACK_DEBIAN_${component}_PACKAGE_NAME" name)
  set(doc ${folder}/share/doc/${${name}})
  file(MAKE_DIRECTORY ${doc})
  file(COPY ${CMAKE_CURRENT_LIST_DIR}/copyright DESTINATION ${doc})
  compress(${CMAKE_CURRENT_LIST_DIR}/changelog ${doc}/changelog.Debian.gz)
  compress(${source}/CHANGELOG.md ${doc}/changelog.gz)
  file(REMOVE_RECURSE ${folder}/share/doc/httpool) # whose licence is in `copyright`
  file(GLOB pages ${folder}/share/man/man1/*.1)
  foreach(page IN LISTS pages)
    compress(${page} ${page}.gz)
    file(REMOVE ${page})
  endforeach()
endforeach()
