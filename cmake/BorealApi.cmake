# boreal_api(SERVICE): the library api_SERVICE, made from models/SERVICE.json (and models/patches/SERVICE.json) at build
# time: types.h, errors.h, service.h, included as "api/SERVICE/types.h". A change of the model makes it anew.
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)

function(boreal_api SERVICE)
  set(codegen ${PROJECT_SOURCE_DIR}/codegen)
  set(folder ${CMAKE_BINARY_DIR}/gen/${SERVICE})
  set(model ${PROJECT_SOURCE_DIR}/models/${SERVICE}.json)
  file(GLOB patch CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/models/patches/${SERVICE}.json)
  file(GLOB scripts CONFIGURE_DEPENDS ${codegen}/*.py)
  list(REMOVE_ITEM scripts ${codegen}/refresh.py)
  # How many source files there are follows from the model.
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${model} ${patch} ${scripts})
  execute_process(COMMAND ${Python3_EXECUTABLE} -B ${codegen}/generate.py --list ${SERVICE}
    OUTPUT_VARIABLE names OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(headers types.h tables.h errors.h service.h)
  list(TRANSFORM names PREPEND ${folder}/api/${SERVICE}/ OUTPUT_VARIABLE sources)
  list(TRANSFORM headers PREPEND ${folder}/api/${SERVICE}/)
  add_custom_command(OUTPUT ${sources} ${headers}
    COMMAND ${Python3_EXECUTABLE} -B ${codegen}/generate.py ${SERVICE} ${folder}
    DEPENDS ${model} ${patch} ${scripts} COMMENT "API of ${SERVICE}" VERBATIM)
  add_library(api_${SERVICE} STATIC ${sources} ${headers})
  set_target_properties(api_${SERVICE} PROPERTIES OPTIMIZE_DEPENDENCIES ON)  # compile without waiting for aws
  target_include_directories(api_${SERVICE} PUBLIC ${folder})
  target_link_libraries(api_${SERVICE} PUBLIC aws PRIVATE boreal_flags)
  # Tables and one-line thunks: nothing for an optimiser to find, but many of them.
  target_compile_options(api_${SERVICE} PRIVATE $<$<CONFIG:Release>:-O1>)
endfunction()
