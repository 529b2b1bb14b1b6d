"""Header attributes, as texts by DICOM keyword, turned into an `Instance`.

It must not know pydicom, nor which file format the texts came from.
"""
