"""The pack for the monthly meeting: one workbook and, if asked for, slides, made of one night."""
