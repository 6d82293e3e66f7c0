// What could be: gunzip alone, gunzip and a full parse, gunzip and the fields of EVENTS taken on demand into columns.
// Reads the objects named in a file into memory, then works on one core. Prints one line of JSON.
#include <libdeflate.h>
#include <simdjson.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

using namespace simdjson;

// A column as Arrow lays it out: all texts, where each ends, and which are there.
struct Column {
  std::vector<char> bytes;
  std::vector<int64_t> ends;
  std::vector<uint8_t> valid;
  void add(std::string_view text) {
    bytes.insert(bytes.end(), text.begin(), text.end());
    ends.push_back(static_cast<int64_t>(bytes.size()));
    valid.push_back(!text.empty());
  }
  void fill(size_t rows) {
    while (ends.size() < rows) {
      ends.push_back(static_cast<int64_t>(bytes.size()));
      valid.push_back(0);
    }
  }
};

enum Name { Time, Id, Provider, Action, Type, Region, Address, Agent, ErrorCode, ErrorMessage, ReadOnly, Recipient, Shared,
            UserName, IdentityType, Arn, PrincipalId, AccountId, AccessKeyId, InvokedBy, Provided, OnBehalfOf, IssuerArn,
            IssuerType, Mfa, Created, SourceIdentity, Names };
static const char *names[Names] = {
    "eventTime", "event.id", "event.provider", "event.action", "event.type", "cloud.region", "source.address",
    "user_agent.original", "aws.cloudtrail.error_code", "aws.cloudtrail.error_message", "aws.cloudtrail.read_only",
    "aws.cloudtrail.recipient_account_id", "aws.cloudtrail.shared_event_id", "user.name",
    "aws.cloudtrail.user_identity.type", "aws.cloudtrail.user_identity.arn", "aws.cloudtrail.user_identity.principal_id",
    "aws.cloudtrail.user_identity.account_id", "aws.cloudtrail.user_identity.access_key_id",
    "aws.cloudtrail.user_identity.invoked_by", "aws.cloudtrail.user_identity.identity_provider",
    "aws.cloudtrail.user_identity.on_behalf_of.user_id",
    "aws.cloudtrail.user_identity.session_context.session_issuer.arn",
    "aws.cloudtrail.user_identity.session_context.session_issuer.type",
    "aws.cloudtrail.user_identity.session_context.mfa_authenticated",
    "aws.cloudtrail.user_identity.session_context.creation_date",
    "aws.cloudtrail.user_identity.session_context.source_identity"};

struct Columns {
  Column of[Names];
  size_t rows = 0;

  void text(Name name, ondemand::value value) {
    std::string_view found;
    if (value.get_string().get(found) == SUCCESS) of[name].add(found);
  }
  void flag(Name name, ondemand::value value) {
    bool found;
    if (value.get_bool().get(found) == SUCCESS) of[name].add(found ? "true" : "false");
    else text(name, value);
  }
  void issuer(ondemand::object from) {
    for (auto field : from) {
      std::string_view key = field.unescaped_key();
      if (key == "arn") text(IssuerArn, field.value());
      else if (key == "type") text(IssuerType, field.value());
    }
  }
  void attributes(ondemand::object from) {
    for (auto field : from) {
      std::string_view key = field.unescaped_key();
      if (key == "creationDate") text(Created, field.value());
      else if (key == "mfaAuthenticated") flag(Mfa, field.value());
    }
  }
  void session(ondemand::object from) {
    for (auto field : from) {
      std::string_view key = field.unescaped_key();
      ondemand::object inner;
      if (key == "sessionIssuer") { if (field.value().get_object().get(inner) == SUCCESS) issuer(inner); }
      else if (key == "attributes") { if (field.value().get_object().get(inner) == SUCCESS) attributes(inner); }
      else if (key == "sourceIdentity") text(SourceIdentity, field.value());
    }
  }
  void identity(ondemand::object from) {
    for (auto field : from) {
      std::string_view key = field.unescaped_key();
      ondemand::object inner;
      if (key == "type") text(IdentityType, field.value());
      else if (key == "principalId") text(PrincipalId, field.value());
      else if (key == "arn") text(Arn, field.value());
      else if (key == "accountId") text(AccountId, field.value());
      else if (key == "accessKeyId") text(AccessKeyId, field.value());
      else if (key == "userName") text(UserName, field.value());
      else if (key == "invokedBy") text(InvokedBy, field.value());
      else if (key == "identityProvider") text(Provided, field.value());
      else if (key == "sessionContext") { if (field.value().get_object().get(inner) == SUCCESS) session(inner); }
      else if (key == "onBehalfOf") {
        if (field.value().get_object().get(inner) == SUCCESS)
          for (auto below : inner)
            if (std::string_view(below.unescaped_key()) == "userId") text(OnBehalfOf, below.value());
      }
    }
  }
  void record(ondemand::object from) {
    for (auto field : from) {
      std::string_view key = field.unescaped_key();
      if (key == "userIdentity") {
        ondemand::object inner;
        if (field.value().get_object().get(inner) == SUCCESS) identity(inner);
      }
      else if (key == "eventTime") text(Time, field.value());
      else if (key == "eventSource") text(Provider, field.value());
      else if (key == "eventName") text(Action, field.value());
      else if (key == "awsRegion") text(Region, field.value());
      else if (key == "sourceIPAddress") text(Address, field.value());
      else if (key == "userAgent") text(Agent, field.value());
      else if (key == "errorCode") text(ErrorCode, field.value());
      else if (key == "errorMessage") text(ErrorMessage, field.value());
      else if (key == "eventID") text(Id, field.value());
      else if (key == "readOnly") flag(ReadOnly, field.value());
      else if (key == "eventType") text(Type, field.value());
      else if (key == "recipientAccountId") text(Recipient, field.value());
      else if (key == "sharedEventID") text(Shared, field.value());
    }
    rows++;
    for (auto &column : of) column.fill(rows);
  }
};

static double processor() {
  rusage used;
  getrusage(RUSAGE_SELF, &used);
  return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

int main(int count, char **given) {
  if (count != 3) return std::cerr << "limits gunzip|full|fields FILE_OF_PATHS\n", 2;
  std::string_view mode = given[1];
  std::vector<std::string> objects;
  std::ifstream paths(given[2]);
  for (std::string path; std::getline(paths, path);) {
    std::ifstream file(path, std::ios::binary);
    objects.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  auto began = std::chrono::steady_clock::now();
  double used = processor();
  libdeflate_decompressor *unpacking = libdeflate_alloc_decompressor();
  std::vector<char> text;
  Columns columns;
  dom::parser full;
  ondemand::parser fields;
  uint64_t bytes = 0, records = 0;
  for (auto &object : objects) {
    uint32_t size;
    memcpy(&size, object.data() + object.size() - 4, 4);
    if (text.size() < size + SIMDJSON_PADDING) text.resize(size + SIMDJSON_PADDING);
    size_t found = 0;
    if (libdeflate_gzip_decompress(unpacking, object.data(), object.size(), text.data(), size, &found) != LIBDEFLATE_SUCCESS)
      return std::cerr << "an object cannot be unpacked\n", 1;
    bytes += found;
    memset(text.data() + found, 0, SIMDJSON_PADDING);
    if (mode == "full") {
      dom::element document = full.parse(text.data(), found, false);
      records += document["Records"].get_array().size();
    } else if (mode == "fields") {
      ondemand::document document = fields.iterate(text.data(), found, text.size());
      for (auto record : document["Records"].get_array()) columns.record(record.get_object());
    }
  }
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  used = processor() - used;
  std::cout << "{\"seconds\":" << seconds << ",\"cpu\":" << used << ",\"bytes\":" << bytes
            << ",\"records\":" << (mode == "fields" ? columns.rows : records) << ",\"columns\":{";
  for (int at = 0; at < Names; at++) {
    uint64_t valid = 0;
    for (auto each : columns.of[at].valid) valid += each;
    std::cout << (at ? "," : "") << '"' << names[at] << "\":[" << valid << ',' << columns.of[at].bytes.size() << ']';
  }
  std::cout << "}}\n";
}
