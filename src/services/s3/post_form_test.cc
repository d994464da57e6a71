#include "s3/post_form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "base/testing.h"

namespace boreal::s3 {
namespace {

using testing::ElementsAre;
using testing::FieldsAre;
using testing::IsEmpty;

constexpr const char* boundary = "xyz";

std::string field(const std::string& name, const std::string& value) {
  return "--xyz\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
}
std::string file(const std::string& bytes, const std::string& name = "a.txt") {
  return "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name +
         "\"\r\nContent-Type: text/plain\r\n\r\n" + bytes + "\r\n--xyz--\r\n";
}

// Gives at most `step` bytes at a time.
class Pieces final : public Source {
 public:
  Pieces(std::string text, size_t step) : text_(std::move(text)), step_(step) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    const size_t count = std::min({buffer.size(), step_, text_.size() - given_});
    std::memcpy(buffer.data(), text_.data() + given_, count);
    given_ += count;
    co_return count;
  }
  std::string_view left() const { return std::string_view(text_).substr(given_); }

 private:
  std::string text_;
  size_t step_;
  size_t given_ = 0;
};

struct Read {
  std::string code;  // why it was refused
  std::vector<FormField> fields;
  std::string file_name;
  std::string file;
};

Task<Read> read_form(std::string body, size_t step, FormFile::Limits limits) {
  Pieces source(std::move(body), step);
  FormParser parser(boundary);
  std::string chunk(step, '\0');
  for (bool begun = false; !begun;) {
    const auto got = co_await source.read(std::as_writable_bytes(std::span(chunk)));
    if (*got == 0) co_return Read{.code = FormParser::ended_early().code};
    auto taken = parser.take(std::string_view(chunk).substr(0, *got));
    if (!taken) co_return Read{.code = taken.error().code};
    begun = *taken;
  }
  std::optional<aws::ApiError> failure;
  FormFile file(source, parser.delimiter(), parser.rest(), limits, failure);
  Read read{.fields = parser.form().fields, .file_name = parser.form().file_name};
  for (;;) {
    const auto got = co_await file.read(std::as_writable_bytes(std::span(chunk)));
    if (!got) co_return Read{.code = failure ? failure->code : got.error().message()};
    if (*got == 0) co_return read;
    read.file.append(chunk, 0, *got);
  }
}

Read read(const std::string& body, size_t step = 1 << 16, FormFile::Limits limits = {}) {
  TestExecutor executor;
  return executor.run(read_form(body, step, limits));
}

TEST(PostForm, IsReadHoweverItIsCut) {
  // Bytes that look like the delimiter's beginning, and a field without a value.
  const std::string bytes = "one\r\n--xy two\r\n--\r\n\r\n-- three";
  const std::string body = field("key", "foo") + field("empty", "") + field("Two", "line\r\nbreaks\r\n") + file(bytes);
  for (size_t step = 1; step < 90; ++step) {
    const Read got = read(body, step);
    EXPECT_THAT(got.fields,
                ElementsAre(FieldsAre("key", "foo"), FieldsAre("empty", ""), FieldsAre("Two", "line\r\nbreaks\r\n")))
        << step;
    EXPECT_EQ(got.file, bytes) << step;
    EXPECT_EQ(got.file_name, "a.txt") << step;
  }
}

TEST(PostForm, TakesWhatBrowsersWrite) {
  EXPECT_EQ(read(file("x", R"(say \"hi\".txt)")).file_name, "say \"hi\".txt");
  EXPECT_EQ(read(file("x", R"(C:\dir\a.txt)")).file_name, "C:\\dir\\a.txt");
  EXPECT_EQ(read("preamble\r\n" + file("x")).file, "x");
  EXPECT_EQ(read(file("")).file, "");
  EXPECT_EQ(read(file("x") + "epilogue").file, "x");
  EXPECT_EQ(read("--xyz \t\r\ncontent-disposition:form-data;name=FILE\r\n\r\nx\r\n--xyz--").file, "x");
}

TEST(PostForm, RefusesWhatIsNoForm) {
  EXPECT_EQ(read("nonsense").code, "MalformedPOSTRequest");
  EXPECT_EQ(read(field("key", "foo") + "--xyz--\r\n").code, "InvalidArgument");
  EXPECT_EQ(read(field("key", "foo")).code, "MalformedPOSTRequest");
  EXPECT_EQ(read("--xyzzy\r\n\r\n" + file("x")).code, "MalformedPOSTRequest");
  EXPECT_EQ(read("--xyz\r\nno colon\r\n\r\nv\r\n" + file("x")).code, "MalformedPOSTRequest");
  EXPECT_EQ(read("--xyz\r\n\r\nno name\r\n" + file("x")).code, "MalformedPOSTRequest");
  EXPECT_EQ(read("--xyz\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\ncut").code, "MalformedPOSTRequest");
  for (const size_t step : {1000, 16'000, 64'000}) {
    EXPECT_EQ(read(field("key", std::string(21'000, 'x')) + file("x"), step).code, "MaxPostPreDataLengthExceededError");
    EXPECT_EQ(read(field("key", "k") + file(std::string(50'000, 'x')), step).code, "");
  }
}

TEST(PostForm, TheFilesNameIsFilledInWithinBounds) {
  Form form{.fields = {{"key", "up/${filename}"}, {"x-amz-meta-a", "${filename} ${file} ${filename}"}},
            .file_name = "C:\\dir\\${filename}"};
  ASSERT_TRUE(fill_in_file_name(form));
  EXPECT_THAT(form.fields, ElementsAre(FieldsAre("key", "up/${filename}"),
                                       FieldsAre("x-amz-meta-a", "${filename} ${file} ${filename}")));
  std::string many;
  for (int i = 0; i < 900; ++i) many += "${filename}";
  form = {.fields = {{"key", "k"}, {"x-amz-meta-a", many}}, .file_name = std::string(9000, 'f')};
  const auto filled = fill_in_file_name(form);
  ASSERT_FALSE(filled);
  EXPECT_EQ(filled.error().code, "MaxPostPreDataLengthExceededError");
  EXPECT_LT(form.fields[1].value.size(), 64U << 10);
}

TEST(PostForm, HoldsTheFileToItsLimits) {
  EXPECT_EQ(read(file("12345"), 3, {.min = 5, .max = 5}).file, "12345");
  EXPECT_EQ(read(file("12345"), 3, {.min = 6, .max = 9}).code, "EntityTooSmall");
  EXPECT_EQ(read(file("12345"), 3, {.min = 0, .max = 4}).code, "EntityTooLarge");
}

TEST(PostForm, FindsTheBoundary) {
  EXPECT_EQ(form_boundary("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(form_boundary("Multipart/Form-Data; charset=utf-8; boundary=\"a b;c\""), "a b;c");
  for (const char* text : {"", "multipart/form-data", "multipart/mixed; boundary=a", "multipart/form-data; boundary="})
    EXPECT_EQ(form_boundary(text), std::nullopt) << text;
  EXPECT_EQ(form_boundary("multipart/form-data; boundary=" + std::string(71, 'x')), std::nullopt);
}

}  // namespace
}  // namespace boreal::s3
