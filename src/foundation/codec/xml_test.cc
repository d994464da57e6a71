#include "codec/xml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/random.h"
#include "codec/utf8.h"

namespace boreal::xml {
namespace {

using testing::HasSubstr;

std::string text_of(std::string_view xml) {
  auto document = Document::parse(xml);
  return document ? document->root().text() : "error: " + document.error().message();
}

TEST(XmlReader, WalksATree) {
  auto document = Document::parse(
      "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!-- note -->\n<n:Tags xmlns:n=\"urn:x\" xsi:type='A&amp;B'>\n  "
      "<Tag>"
      "<Key>a</Key></Tag>\n  <n:Tag/> <Other/>\n</n:Tags>\n");
  ASSERT_TRUE(document) << document.error().message();
  Element root = document->root();
  EXPECT_EQ(root.name(), "Tags");
  EXPECT_EQ(root.attribute("xsi:type"), "A&B");
  EXPECT_EQ(root.attribute("absent"), std::nullopt);
  std::string names;
  for (auto child = root.first_child(); child; child = child->next()) names += std::string(child->name()) + " ";
  EXPECT_EQ(names, "Tag Tag Other ");
  EXPECT_EQ(root.child("Tag")->child("Key")->text(), "a");
  EXPECT_FALSE(root.child("Key"));
}

TEST(XmlReader, Text) {
  EXPECT_EQ(text_of("<a> </a>"), " ");
  EXPECT_EQ(text_of("<a/>"), "");
  EXPECT_EQ(text_of("<a>x<!-- & < -->y<![CDATA[<&>]]>z</a>"), "xy<&>z");
  EXPECT_EQ(text_of("<a>&lt;&amp;&gt;&quot;&apos;&#233;&#xE9;&#13;&#x1F600;</a>"), "<&>\"'éé\r😀");
  EXPECT_EQ(text_of("<a>1\r\n2</a>"), "1\n2");
  EXPECT_EQ(text_of("\xef\xbb\xbf<a>x</a>"), "x");
}

TEST(XmlReader, RefusesWhatIsNotWellFormedOrNotData) {
  for (const char* bad : {"",
                          " ",
                          "x",
                          "<a>",
                          "<a></b>",
                          "<a",
                          "<a/><b/>",
                          "<a/>x",
                          "<a/><![CDATA[x]]>",
                          "&#32;<a/>",
                          "</a>",
                          "<a:b:c/>",
                          "<:a/>",
                          "x<a/>",
                          "<a b='1' b='2'/>",
                          "<a b=1/>",
                          "<a b='<'/>",
                          "<!DOCTYPE a><a/>",
                          "<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><a>&e;</a>",
                          "<a>&e;</a>",
                          "<a>& </a>",
                          "<a b='&e;'/>",
                          "<?php x?><a/>",
                          "<a><?x y?></a>",
                          "<a>&#0;</a>",
                          "<a>&#xD800;</a>",
                          "<a>&#x110000;</a>",
                          "<a>&#;</a>",
                          "<a>\x01</a>",
                          "<a>\xff</a>",
                          "<a>\xef\xbf\xbf</a>",
                          "<a>]]></a>",
                          "<!-- -- --><a/>",
                          "<a><![CDATA[x</a>",
                          "<a><!-- x</a>",
                          "<?xml version='1.0' encoding='UTF-16'?><a/>",
                          "<a b='x></a>"}) {
    EXPECT_FALSE(Document::parse(bad)) << bad;
  }
}

TEST(XmlReader, IsBounded) {
  auto nested = [](int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += "<a>";
    for (int i = 0; i < depth; ++i) text += "</a>";
    return text;
  };
  EXPECT_TRUE(Document::parse(nested(64)));
  EXPECT_EQ(Document::parse(nested(65)).error().code(), Errc::too_large);
  EXPECT_EQ(Document::parse(nested(100'000)).error().code(), Errc::too_large);
  EXPECT_TRUE(Document::parse("<a><b/><b/></a>", {.max_elements = 3}));
  EXPECT_FALSE(Document::parse("<a><b/><b/><b/></a>", {.max_elements = 3}));
  EXPECT_FALSE(Document::parse("<a>12345</a>", {.max_bytes = 10}));
}

// A document from a stranger must not keep its reader busy for longer than its size is worth.
TEST(XmlReader, ManyAttributesTakeNoTimeThatGrowsWithTheirSquare) {
  std::string text = "<a";
  for (int i = 0; i < 200'000; ++i) text += " a" + std::to_string(i) + "=''";
  const int64_t start_ns = monotonic_ns();
  EXPECT_TRUE(Document::parse(text + "/>"));
  EXPECT_FALSE(Document::parse(text + " a0=''/>"));
  EXPECT_LT(monotonic_ns() - start_ns, 30'000'000'000);
}

TEST(XmlWriter, Writes) {
  std::string out;
  Writer writer(out);
  writer.declaration();
  writer.begin("List");
  writer.attribute("xmlns", "http://x/?a&\"<\n");
  writer.element("Key", "a<b>&\"'\r\x01\xffé");
  writer.element("Empty", "");
  writer.begin("In");
  writer.text("1");
  writer.text("2");
  writer.end();
  writer.end();
  EXPECT_EQ(out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<List xmlns=\"http://x/?a&amp;&quot;&lt;&#10;\">"
            "<Key>a&lt;b&gt;&amp;\"'&#13;\xef\xbf\xbd\xef\xbf\xbdé</Key><Empty/><In>12</In></List>");
}

TEST(XmlProperty, TextAndAttributesComeBack) {
  SeededRandom random(15);
  for (int round = 0; round < 500; ++round) {
    std::string text;
    for (uint64_t i = random.below(30); i > 0; --i) {
      auto c = static_cast<uint32_t>(random.below(2) ? 1 + random.below(0x7f) : 0x80 + random.below(0xd700));
      codec::append_utf8(text, c);
      text += random.below(4) == 0 ? "\r\n\t" : "";
    }
    std::string out;
    Writer writer(out, Controls::numbered);
    writer.begin("a");
    writer.attribute("b", text);
    writer.text(text);
    writer.end();
    auto document = Document::parse(out);
    ASSERT_TRUE(document) << out << document.error().message();
    EXPECT_EQ(document->root().text(), text);
    EXPECT_EQ(document->root().attribute("b"), text);
  }
}

}  // namespace
}  // namespace boreal::xml
