"""What is wrong with a file as a whole. What is wrong with a value is said in conversions.py."""

from shared.errors import Invalid


class EncodingUnknown(Invalid):
    """The bytes are no text of an encoding that is read."""

    en = (
        "The file is no text in UTF-8, UTF-16 or GB18030: byte {position} fits none of them. "
        "Save it as UTF-8, and name the format if it is an XLSX file."
    )
    zh = (
        "文件不是 UTF-8、UTF-16 或 GB18030 编码的文本，第 {position} 字节无法识别。"
        "请另存为 UTF-8；若为 XLSX 文件，请注明格式。"
    )


class EncodingDiffers(Invalid):
    """The bytes are no text of the encoding that was named."""

    en = "The file is not in {encoding}: row {row} cannot be read. Leave the encoding out."
    zh = "文件不是 {encoding} 编码，第 {row} 行无法读取。请不要指定编码。"


class NotText(Invalid):
    """There is a NUL in what should be text."""

    en = "Row {row} holds a NUL character: this is no text. Name the encoding or the format."
    zh = "第 {row} 行含有 NUL 字符，不是文本。请注明编码或格式。"


class FormatDiffers(Invalid):
    """The content is of another format than was said."""

    en = "This is no {format} file, whatever its name says. Leave the format out or name another."
    zh = "无论文件名如何，该文件都不是 {format} 格式。请不要指定格式，或改为其他格式。"


class FormatNotRead(Invalid):
    """A file of a known kind that is not read."""

    en = "This is an old XLS, an encrypted or another Office file. Save it as XLSX or CSV."
    zh = "该文件是旧版 XLS、加密文件或其他 Office 文件，请另存为 XLSX 或 CSV。"


class FileEmpty(Invalid):
    """No row has any content."""

    en = "The file has no header. Send a table whose first row names the columns."
    zh = "文件没有表头。请上传首行为列名的表格。"


class FileBroken(Invalid):
    """The file ends in the middle, or its inside does not fit together."""

    en = "The file is damaged or cut off: {reason}. Save it again and send that."
    zh = "文件已损坏或不完整：{reason}。请重新保存后上传。"


class SheetNotFound(Invalid):
    """The workbook has no such sheet."""

    en = "There is no sheet {sheet} in the workbook; there are: {sheets}."
    zh = "工作簿中没有工作表 {sheet}；现有：{sheets}。"


class QuoteNotClosed(Invalid):
    """A cell begins with a quotation mark and does not end."""

    en = "A cell at row {row} is opened by a quotation mark and too long or never closed."
    zh = "第 {row} 行有单元格以引号开头，但过长或没有结束引号。"


class RowNotJson(Invalid):
    """A line of NDJSON that is no flat object."""

    en = "Row {row} is no JSON object of its own. Send one object in each line."
    zh = "第 {row} 行不是独立的 JSON 对象，请每行发送一个对象。"


class TooManyColumns(Invalid):
    """More columns than are read."""

    en = "Row {row} has more than {most} columns. Leave out those that are not needed."
    zh = "第 {row} 行超过 {most} 列，请删除不需要的列。"


class TooManyRows(Invalid):
    """More rows than are read."""

    en = "The file has more than {most} rows. Send it in parts."
    zh = "文件超过 {most} 行，请分批上传。"


class CellTooLong(Invalid):
    """A cell or row that is longer than any honest one."""

    en = "Row {row} holds a cell of more than {most} characters."
    zh = "第 {row} 行有单元格超过 {most} 个字符。"


class RowTooLong(Invalid):
    """A row, or one line of it, that is longer than any honest one."""

    en = "Row {row} is longer than {most} characters. Is this a table?"
    zh = "第 {row} 行超过 {most} 个字符，请确认该文件是否为表格。"


class UnpackedTooLarge(Invalid):
    """A packed file that grows beyond measure."""

    en = "Unpacked the file is larger than {most} bytes or {packing} times what was sent."
    zh = "解压后的文件超过 {most} 字节，或超过上传大小的 {packing} 倍。"
