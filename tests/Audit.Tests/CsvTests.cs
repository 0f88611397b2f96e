using System.Text.Json;
using Crew.Audit.Contracts;

namespace Crew.Audit.Tests;

public sealed class CsvTests
{
    [Theory]
    [InlineData("plain", "\"plain\"")]
    [InlineData(null, "\"\"")]
    [InlineData("", "\"\"")]
    [InlineData("a,b", "\"a,b\"")]
    [InlineData("say \"hi\"", "\"say \"\"hi\"\"\"")]
    [InlineData("two\r\nlines", "\"two\r\nlines\"")]
    [InlineData("=1+1", "\"'=1+1\"")]
    [InlineData("+1", "\"'+1\"")]
    [InlineData("-1", "\"'-1\"")]
    [InlineData("@SUM(A1)", "\"'@SUM(A1)\"")]
    [InlineData("\t=1", "\"'\t=1\"")]
    [InlineData("\r=1", "\"'\r=1\"")]
    [InlineData("  =cmd|' /C calc'!A0", "\"'  =cmd|' /C calc'!A0\"")]
    [InlineData("\uFF1D1", "\"'\uFF1D1\"")]
    [InlineData("=\"x\"", "\"'=\"\"x\"\"\"")]
    [InlineData("1=1", "\"1=1\"")]
    public void A_field_is_quoted_and_harmless(string? text, string field) => AuditCsv.Field(text).ShouldBe(field);

    [Fact]
    public void A_line_has_as_many_fields_as_the_header()
    {
        var record = new AuditLog
        {
            Id = "log_1", Timestamp = DateTimeOffset.UnixEpoch, EventType = "crew.created", Actor = new("user", "user_1", "a@b", null),
            Changes = JsonElement.Parse("""[{"field":"x","from":null,"to":1}]"""), Outcome = "success", Sequence = 3,
        };
        AuditCsv.Header.Split(',').Length.ShouldBe(19);
        AuditCsv.Line(record).ShouldBe(
            "\"log_1\",\"1970-01-01T00:00:00.000Z\",\"crew.created\",\"user\",\"user_1\",\"a@b\",\"\",\"\",\"\",\"\",\"\",\"\","
            + "\"[{\"\"field\"\":\"\"x\"\",\"\"from\"\":null,\"\"to\"\":1}]\",\"success\",\"\",\"\",\"\",\"\",\"3\"\r\n");
    }
}
