# find_package(halocline): the targets halocline::halocline (C, shared), halocline::static and,
# where it was installed, halocline::fortran.
get_filename_component(_halocline_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET halocline::halocline)
  add_library(halocline::halocline SHARED IMPORTED)
  set_target_properties(halocline::halocline PROPERTIES
    IMPORTED_LOCATION "${_halocline_prefix}/lib/libhalocline_c.so"
    IMPORTED_NO_SONAME TRUE
    INTERFACE_INCLUDE_DIRECTORIES "${_halocline_prefix}/include")
endif()
if(NOT TARGET halocline::static AND EXISTS "${_halocline_prefix}/lib/libhalocline_c.a")
  add_library(halocline::static STATIC IMPORTED)
  set_target_properties(halocline::static PROPERTIES
    IMPORTED_LOCATION "${_halocline_prefix}/lib/libhalocline_c.a"
    INTERFACE_INCLUDE_DIRECTORIES "${_halocline_prefix}/include"
    INTERFACE_LINK_LIBRARIES "@STATIC_LIBS_CMAKE@")
endif()
if(NOT TARGET halocline::fortran AND EXISTS "${_halocline_prefix}/lib/libhalocline_fortran.a")
  add_library(halocline::fortran STATIC IMPORTED)
  set_target_properties(halocline::fortran PROPERTIES
    IMPORTED_LOCATION "${_halocline_prefix}/lib/libhalocline_fortran.a"
    INTERFACE_INCLUDE_DIRECTORIES "${_halocline_prefix}/include"
    INTERFACE_LINK_LIBRARIES halocline::halocline)
endif()
