// Which symbols the shared library shows. Everything else in it is hidden.
#pragma once

#if defined(__GNUC__) || defined(__clang__)
#define BELLWETHER_API [[gnu::visibility("default")]]
#else
#define BELLWETHER_API
#endif
