def write_page(rows, folder):
    pass
