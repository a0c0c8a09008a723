#include "http/date.h"

#include <gtest/gtest.h>

namespace bellwether::http {
namespace {

TEST(Date, ReadsTheFormThatIsSent) {
  const auto date = read_date("Sun, 06 Nov 1994 08:49:37 GMT");
  ASSERT_TRUE(date);
  EXPECT_EQ(unix_seconds(*date), 784'111'777);  // RFC 9110 §5.6.7's example.
}

TEST(Date, RefusesWhatIsNone) {
  for (const char* text : {"", "2", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT",
                           "Sun, 06 nov 1994 08:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"})
    EXPECT_FALSE(read_date(text)) << text;
}

}  // namespace
}  // namespace bellwether::http
